//! What headers tell of a visitor.
