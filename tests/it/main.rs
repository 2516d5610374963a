//! Tests over the whole, in one binary.
