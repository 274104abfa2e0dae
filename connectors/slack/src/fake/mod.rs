//! A whole Slack to talk to.
