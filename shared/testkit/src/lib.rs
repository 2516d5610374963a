//! For tests only: ports that live in memory and fail on demand.
