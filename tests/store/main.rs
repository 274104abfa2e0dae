//! Stories of the store: what is promised to the roles, told on real files.

mod attention;
mod batch;
mod fixture;
mod house;
mod inbox;
mod process;
mod work;
