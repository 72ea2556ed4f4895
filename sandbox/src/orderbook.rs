//! The order book: what a retailer sold, read from a file with all its dirt.
