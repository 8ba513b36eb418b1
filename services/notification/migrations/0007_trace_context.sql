-- The W3C trace context of what a message tells of, so that sending it belongs to that trace.
alter table delivery add column traceparent text, add column tracestate text;
