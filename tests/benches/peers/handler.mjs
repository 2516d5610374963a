// A peer of the handler: Node alone, with indicators written by hand, one bar at a time.
//
// A line of standard input is `PATH NOW`, with the file of an event and the market time; the answer is a line of JSON
// with the processor time it took and what was written, and after `keep PATH NOW` also the last line of each symbol.

import crypto from "node:crypto";
import fs from "node:fs";
import readline from "node:readline";

const SCHEMA = "indicator.v1";
const RECORD_BYTES = 1000 * 1024;
const CALL_BYTES = 4 * 1024 * 1024;
const CALL_RECORDS = 500;
const NEWLINE = Buffer.from("\n");

// The one-shot hash is the fastest, and Node has it since 20.12.
const sha256 = crypto.hash
  ? (text) => crypto.hash("sha256", text, "hex")
  : (text) => crypto.createHash("sha256").update(text).digest("hex");
const digest = (text) => sha256(text).slice(0, 32);

/** An exponential average that is seeded with the simple average of its first values. */
class Exponential {
  constructor(period, weight) {
    this.period = period;
    this.weight = weight;
    this.count = 0;
    this.value = 0;
  }

  push(value) {
    if (this.count < this.period) {
      this.value += value;
      if (++this.count < this.period) return null;
      this.value /= this.period;
    } else {
      this.value += this.weight * (value - this.value);
    }
    return this.value;
  }
}

const ema = (period) => new Exponential(period, 2 / (period + 1));
const wilder = (period) => new Exponential(period, 1 / period);

/** The last values, and their sum. */
class Window {
  constructor(period) {
    this.values = new Float64Array(period);
    this.count = 0;
    this.sum = 0;
  }

  push(value) {
    const at = this.count++ % this.values.length;
    this.sum += value - this.values[at];
    this.values[at] = value;
    return this.count >= this.values.length ? this.sum / this.values.length : null;
  }
}

class Series {
  constructor() {
    this.bars = 0;
    this.previous = null;
    this.closes = new Window(20);
    this.ema = ema(20);
    this.gains = wilder(14);
    this.losses = wilder(14);
    this.fast = ema(12);
    this.slow = ema(26);
    this.signal = ema(9);
    this.atr = wilder(14);
    // Sums of directional movement and true range, as Wilder smooths them.
    this.moves = { count: 0, plus: 0, minus: 0, range: 0 };
    this.adx = wilder(14);
    this.highs = new Float64Array(14);
    this.lows = new Float64Array(14);
    this.slowK = new Window(3);
    this.slowD = new Window(3);
    this.obv = 0;
    this.day = "";
    this.money = 0;
    this.volume = 0;
  }

  update(bar) {
    const { high, low, close, volume } = bar;
    const { previous } = this;
    const index = this.bars++;
    const values = {};

    const mean = this.closes.push(close);
    values["SMA(20)"] = mean;
    values["EMA(20)"] = this.ema.push(close);

    let rsi = null;
    if (previous !== null) {
      const change = close - previous.close;
      const gains = this.gains.push(Math.max(change, 0));
      const losses = this.losses.push(Math.max(-change, 0));
      if (gains !== null) rsi = gains + losses === 0 ? 50 : (100 * gains) / (gains + losses);
    }
    values["RSI(14)"] = rsi;

    // Both averages have their first value at the same bar.
    const fast = index < 14 ? null : this.fast.push(close);
    const slow = this.slow.push(close);
    let macd = null;
    let signal = null;
    if (slow !== null) {
      macd = fast - slow;
      signal = this.signal.push(macd);
    }
    values["MACD(12,26,9).macd"] = signal === null ? null : macd;
    values["MACD(12,26,9).signal"] = signal;
    values["MACD(12,26,9).hist"] = signal === null ? null : macd - signal;

    let half = null;
    if (mean !== null) {
      let squares = 0;
      for (const value of this.closes.values) squares += (value - mean) * (value - mean);
      half = 2 * Math.sqrt(squares / 20);
    }
    values["BBANDS(20,2).upper"] = mean === null ? null : mean + half;
    values["BBANDS(20,2).middle"] = mean;
    values["BBANDS(20,2).lower"] = mean === null ? null : mean - half;

    let atr = null;
    let adx = null;
    if (previous !== null) {
      const range = Math.max(high - low, Math.abs(high - previous.close), Math.abs(low - previous.close));
      atr = this.atr.push(range);
      adx = this.directional(high - previous.high, previous.low - low, range);
    }
    values["ATR(14)"] = atr;
    values["ADX(14)"] = adx;

    this.highs[index % 14] = high;
    this.lows[index % 14] = low;
    let slowK = null;
    let slowD = null;
    if (index >= 13) {
      let highest = -Infinity;
      let lowest = Infinity;
      for (let at = 0; at < 14; at++) {
        if (this.highs[at] > highest) highest = this.highs[at];
        if (this.lows[at] < lowest) lowest = this.lows[at];
      }
      slowK = this.slowK.push(highest === lowest ? 0 : (100 * (close - lowest)) / (highest - lowest));
      if (slowK !== null) slowD = this.slowD.push(slowK);
    }
    values["STOCH(14,3,3).k"] = slowD === null ? null : slowK;
    values["STOCH(14,3,3).d"] = slowD;

    if (previous === null) this.obv = volume;
    else if (close > previous.close) this.obv += volume;
    else if (close < previous.close) this.obv -= volume;
    values.OBV = this.obv;

    const day = bar.timestamp.slice(0, 10);
    if (day !== this.day) {
      this.day = day;
      this.money = 0;
      this.volume = 0;
    }
    this.money += ((high + low + close) / 3) * volume;
    this.volume += volume;
    values.VWAP = this.money / this.volume;

    this.previous = bar;
    return values;
  }

  directional(up, down, range) {
    const { moves } = this;
    const plus = up > down && up > 0 ? up : 0;
    const minus = down > up && down > 0 ? down : 0;
    if (++moves.count < 14) {
      moves.plus += plus;
      moves.minus += minus;
      moves.range += range;
      return null;
    }
    moves.plus += plus - moves.plus / 14;
    moves.minus += minus - moves.minus / 14;
    moves.range += range - moves.range / 14;
    const sum = moves.plus + moves.minus;
    return this.adx.push(sum === 0 ? 0 : (100 * Math.abs(moves.plus - moves.minus)) / sum);
  }
}

const series = new Map();

const part = (text) => `${String.fromCharCode(text.length)}\0\0\0\0\0\0\0${text}`;

function line(bar, bars, values, now) {
  const { source, symbol, timestamp, interval, basis, freshness, origin, open, high, low, close, volume } = bar;
  // Each part with its length in front, all of them ASCII.
  const parts = part(SCHEMA) + part(source) + part(symbol) + part(timestamp);
  const key = digest(parts + part(interval) + part(basis) + part(freshness) + part(origin));
  // Nothing is listed at the end once all indicators are warm and as old as the series.
  const end = { values, warming: [], bars_of: {} };
  const body = { symbol, interval, basis, freshness, origin, bars, open, high, low, close, volume, ...end };
  const text = JSON.stringify(body).slice(1);
  const head = `{"schema":"${SCHEMA}","key":"${key}","rev":0,`;
  const tail = `"source":"${source}","timestamp":"${timestamp}",`;
  return `${head}"id":"${digest(head + tail + text)}",${tail}"ingested_at":"${now}","flags":[],${text}`;
}

/** A delivery stream in memory, which forgets what it is given unless it is told to keep it. */
class Sink {
  constructor(keep) {
    this.bytes = 0;
    this.kept = keep ? [] : null;
  }

  putRecordBatch(records) {
    for (const record of records) {
      this.bytes += record.length;
      if (this.kept !== null) this.kept.push(record);
    }
  }

  last() {
    if (this.kept === null) return null;
    const lines = Buffer.concat(this.kept).toString().trimEnd().split("\n");
    return Object.fromEntries(lines.map((text) => [JSON.parse(text).symbol, text]));
  }
}

/** Packs lines into records, and records into calls. */
function deliver(sink, lines) {
  let records = [];
  let total = 0;
  let parts = [];
  let size = 0;
  const finish = () => {
    if (size === 0) return;
    if (records.length === CALL_RECORDS || total + size > CALL_BYTES) {
      sink.putRecordBatch(records);
      records = [];
      total = 0;
    }
    records.push(typeof parts[0] === "string" ? Buffer.from(`${parts.join("\n")}\n`) : Buffer.concat(parts, size));
    total += size;
    parts = [];
    size = 0;
  };
  for (const one of lines) {
    // Lines that are texts are ASCII.
    const bytes = one.length + 1;
    if (size + bytes > RECORD_BYTES) finish();
    parts.push(one);
    if (typeof one !== "string") parts.push(NEWLINE);
    size += bytes;
  }
  finish();
  if (records.length > 0) sink.putRecordBatch(records);
}

function take(body, now, archive, indicators) {
  const raw = [];
  const groups = new Map();
  const batchItemFailures = [];
  for (const { kinesis } of JSON.parse(body.toString()).Records) {
    const data = Buffer.from(kinesis.data, "base64");
    const bar = JSON.parse(data.toString());
    if (bar.schema !== "bar.v1" || !bar.final) {
      batchItemFailures.push({ itemIdentifier: kinesis.sequenceNumber });
      continue;
    }
    raw.push(data);
    const group = groups.get(bar.symbol);
    if (group === undefined) groups.set(bar.symbol, [bar]);
    else group.push(bar);
  }
  const lines = [];
  for (const [symbol, bars] of groups) {
    let one = series.get(symbol);
    if (one === undefined) {
      one = new Series();
      series.set(symbol, one);
    }
    for (const bar of bars) {
      const values = one.update(bar);
      lines.push(line(bar, one.bars, values, now));
    }
  }
  deliver(archive, raw);
  deliver(indicators, lines);
  return [JSON.stringify({ batchItemFailures }), raw.length, lines.length];
}

for await (const command of readline.createInterface({ input: process.stdin })) {
  const words = command.split(" ");
  const [path, now] = words.slice(-2);
  const body = fs.readFileSync(path);
  const archive = new Sink(false);
  const indicators = new Sink(words.length > 2);
  const begun = process.cpuUsage();
  const [response, archived, written] = take(body, now, archive, indicators);
  const { user, system } = process.cpuUsage(begun);
  if (response !== '{"batchItemFailures":[]}') throw new Error(`a batch failed: ${response}`);
  const answer = { cpu_seconds: (user + system) / 1e6, archived, written, last: indicators.last() };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
