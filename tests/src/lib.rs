//! Whole-system tests; they stand in `tests/`.
