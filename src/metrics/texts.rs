//! Texts that come again with each request: kept once, and shared.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
};

/// A bounded set of texts. What has no room in it is copied each time.
#[derive(Debug, Default)]
pub(crate) struct Texts(RwLock<HashSet<Arc<str>>>);

const MOST: usize = 1024;
const LONGEST: usize = 256;

impl Texts {
    pub(crate) fn get(&self, text: &str) -> Arc<str> {
        if text.len() > LONGEST {
            return text.into();
        }
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(text) {
            return Arc::clone(known);
        }
        let is_full = known.len() >= MOST;
        drop(known);
        let text = Arc::<str>::from(text);
        if !is_full {
            let mut texts = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if texts.len() < MOST {
                texts.insert(Arc::clone(&text));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shared_while_there_is_room() {
        let texts = Texts::default();
        assert!(Arc::ptr_eq(&texts.get("orders"), &texts.get("orders")));
        for number in 0..2 * MOST {
            assert_eq!(*texts.get(&number.to_string()), *number.to_string());
        }
        assert_eq!(texts.0.read().unwrap().len(), MOST);
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(*texts.get(&long), *long);
        assert!(Arc::ptr_eq(&texts.get("orders"), &texts.get("orders")));
    }
}
