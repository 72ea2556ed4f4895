//! The gateway seen from outside: its transcoder against another implementation, its edge against real services.

mod kinds;
mod oracle;
mod refusals;
