//! A message broker inside the process.
