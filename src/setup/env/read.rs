//! Reading values by the rules of their kind.

use std::time::Duration;

use super::{
    Env,
    values::{self, Words},
};

impl Env {
    /// The first of these that is set, with its name.
    pub(in crate::setup) fn first(&self, names: &[&'static str]) -> Option<(&'static str, String)> {
        names
            .iter()
            .find_map(|name| self.text(name).map(|value| (*name, value)))
    }

    /// The first of these that is set and right, with its name.
    pub(super) fn pick<T>(
        &self,
        names: &[&'static str],
        default: &str,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Option<(&'static str, T)> {
        let mut wrong = Vec::new();
        let found = names.iter().find_map(|name| {
            let text = self.text(name)?;
            match parse(&text) {
                Ok(value) => Some((*name, value)),
                Err(why) => {
                    wrong.push((*name, text, why));
                    None
                }
            }
        });
        let instead = found.as_ref().map_or(default, |(name, _)| name);
        for (name, text, why) in wrong {
            let instead = format!("{instead} is used instead");
            self.wrong(name, &text, why, &instead);
        }
        found
    }

    /// A number, or the default.
    pub(super) fn number(&self, names: &[&'static str], default: u32) -> u32 {
        self.pick(names, &default.to_string(), values::number)
            .map_or(default, |(_, number)| number)
    }

    /// A size of which zero makes no sense, or the default.
    pub(super) fn size(&self, name: &'static str, default: usize) -> usize {
        self.pick(&[name], &default.to_string(), values::size)
            .map_or(default, |(_, size)| size)
    }

    /// Whole milliseconds, or the default.
    pub(super) fn duration(&self, name: &'static str, default: Duration) -> Duration {
        self.pick(&[name], &default.as_millis().to_string(), values::millis)
            .map_or(default, |(_, duration)| duration)
    }

    /// Whole milliseconds, of which zero means no limit.
    pub(super) fn timeout(&self, names: &[&'static str], default: Duration) -> Option<Duration> {
        let found = self.pick(names, &default.as_millis().to_string(), values::millis);
        let timeout = found.map_or(default, |(_, duration)| duration);
        (!timeout.is_zero()).then_some(timeout)
    }

    /// `true`, in any case, is true.
    pub(super) fn flag(&self, name: &'static str) -> bool {
        self.first_flag(&[name])
    }

    /// The same for the first of these that is set.
    pub(super) fn first_flag(&self, names: &[&'static str]) -> bool {
        let Some((name, value)) = self.first(names) else {
            return false;
        };
        if !value.eq_ignore_ascii_case("true") && !value.eq_ignore_ascii_case("false") {
            let why = "is neither true nor false";
            self.wrong(name, &value, why, "taken as false");
        }
        value.eq_ignore_ascii_case("true")
    }

    /// Words between commas, each once. `None` where there are none.
    pub(super) fn list(&self, name: &'static str) -> Option<Vec<String>> {
        let words = values::list(&self.text(name)?);
        (!words.is_empty()).then_some(words)
    }

    /// What a word stands for, else the default.
    pub(super) fn word<T: Copy + Default>(&self, name: &'static str, words: &Words<T>) -> T {
        self.word_of(&[name], words, T::default())
    }

    /// What the first of these that is set and right stands for, else the default, whose name the words know.
    pub(super) fn word_of<T: Copy>(
        &self,
        names: &[&'static str],
        words: &Words<T>,
        default: T,
    ) -> T {
        self.pick(names, words.default, |text| words.find(text))
            .map_or(default, |(_, value)| value)
    }

    /// What the words of a list stand for, in any case and each once; `none` alone is an empty list. `None` where nothing
    /// was said, or nothing right.
    pub(super) fn words<T: Copy + PartialEq>(
        &self,
        name: &'static str,
        words: &Words<T>,
    ) -> Option<Vec<T>> {
        let list = self.list(name)?;
        let mut chosen = Vec::new();
        let mut refused = Vec::new();
        let mut none = false;
        for word in &list {
            match words.find(word) {
                Ok(value) if chosen.contains(&value) => {}
                Ok(value) => chosen.push(value),
                Err(_) if word.eq_ignore_ascii_case("none") => none = true,
                Err(why) => refused.push((word, why)),
            }
        }
        if none && !chosen.is_empty() {
            let why = "has none among others";
            self.wrong(name, &list.join(","), why, "none is ignored");
        }
        let instead = match (chosen.as_slice(), none) {
            ([], true) => words.nothing.to_owned(),
            ([], false) => format!("{} is used instead", words.default),
            ([..], _) => "the others are used".to_owned(),
        };
        for (word, why) in refused {
            self.wrong(name, word, why, &instead);
        }
        let is_used = none || !chosen.is_empty();
        if is_used {
            self.pardon(name);
        }
        is_used.then_some(chosen)
    }
}
