//! A made-up company living through simulated weeks.

pub mod company;
