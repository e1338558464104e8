//! Typed RPC servers and clients over any messaging transport.
