"""Runs MiniStack in the foreground. Written beside its data by the process that starts it.

With `follow` as argument it ends itself and every bootstrap it started as soon as its standard
input closes, which the kernel does for a parent that was killed, too. (The death signal of Linux
would follow the thread that started it, and spare the bootstraps.)
"""

import os
import signal
import socketserver
import sys
import threading


def end_with_the_parent():
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass
    os.killpg(0, signal.SIGKILL)


if sys.argv[1:] == ["follow"]:
    threading.Thread(target=end_with_the_parent, daemon=True).start()
else:
    # Meant to outlive the terminal.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

# Its Runtime API sends each answer in two writes, of which the second would wait 40 ms for the
# acknowledgement of the first: that is four fifths of a warm invocation.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

sys.argv = ["ministack"]

from ministack.app import main  # noqa: E402

main()
