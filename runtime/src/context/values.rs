//! The values that a context carries: a chain, the innermost first.

use std::any::{Any, TypeId};
use std::sync::Arc;

/// One value, and what is further out.
pub(super) struct Values {
    outer: Option<Arc<Values>>,
    kind: TypeId,
    value: Arc<dyn Any + Send + Sync>,
}

impl Values {
    pub(super) fn new<T: Any + Send + Sync>(value: T, outer: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self { outer, kind: TypeId::of::<T>(), value: Arc::new(value) })
    }

    /// The innermost value of type `T`.
    pub(super) fn find<T: Any + Send + Sync>(from: Option<&Arc<Self>>) -> Option<Arc<T>> {
        let mut chain = std::iter::successors(from, |values| values.outer.as_ref());
        let found = chain.find(|values| values.kind == TypeId::of::<T>())?;
        Arc::clone(&found.value).downcast().ok()
    }
}

/// A long chain must not be dropped by recursion.
impl Drop for Values {
    fn drop(&mut self) {
        let mut next = self.outer.take();
        while let Some(mut values) = next.and_then(Arc::into_inner) {
            next = values.outer.take();
        }
    }
}
