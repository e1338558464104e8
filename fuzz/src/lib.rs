//! The bodies of the fuzz targets, and the generator of the inputs over which tests run them.

pub mod amqp;
pub mod codecs;
pub mod seeds;
