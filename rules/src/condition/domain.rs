//! What is known of the values a field can have, beyond its type.

use std::collections::BTreeMap;

/// The values one field can have. The default is: any of its type, blank, or
/// unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    /// The fact may be Unknown.
    pub may_be_unknown: bool,
    /// The fact may be Empty.
    pub may_be_blank: bool,
    /// A number without fraction.
    pub whole: bool,
    /// A number that is never smaller.
    pub least: Option<f64>,
    /// A number that it never is.
    pub never: Option<f64>,
    /// A number that is always this one.
    pub number: Option<f64>,
    /// A flag that is always so.
    pub flag: Option<bool>,
    /// The only texts there are, `""` aside.
    pub texts: Option<Vec<String>>,
}

const ANY: Domain = Domain {
    may_be_unknown: true,
    may_be_blank: true,
    whole: false,
    least: None,
    never: None,
    number: None,
    flag: None,
    texts: None,
};

impl Default for Domain {
    fn default() -> Self {
        ANY
    }
}

#[cfg(test)]
impl Domain {
    /// Whether a fact may have this value.
    pub(crate) fn admits(&self, value: super::Slot<'_>) -> bool {
        use super::Slot;
        match value {
            Slot::Unknown => self.may_be_unknown,
            Slot::Empty | Slot::Text("") => self.may_be_blank,
            Slot::Bool(flag) => self.flag.is_none_or(|only| only == flag),
            Slot::Number(number) => {
                self.number.is_none_or(|only| only == number)
                    && self.least.is_none_or(|least| number >= least)
                    && self.never != Some(number)
                    && (!self.whole || number.fract() == 0.0)
            }
            Slot::Text(text) => {
                self.texts.as_ref().is_none_or(|texts| texts.iter().any(|only| only == text))
            }
            Slot::Time(_) => true,
        }
    }
}

/// Domains by slot; a slot without one has the default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Domains(BTreeMap<u16, Domain>);

impl Domains {
    /// What is known of `slot`, to be filled in.
    pub fn of(&mut self, slot: u16) -> &mut Domain {
        self.0.entry(slot).or_default()
    }

    pub(super) fn get(&self, slot: u16) -> &Domain {
        self.0.get(&slot).unwrap_or(&ANY)
    }

    pub(super) fn number(&self, slot: u16) -> Option<f64> {
        self.0.get(&slot).and_then(|domain| domain.number)
    }
}
