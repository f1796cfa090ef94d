//! What is added to [`otel`](crate::otel) without set-up: nothing.
