-- The W3C trace context of the request that left something behind for later, so that the process that does it continues its trace.
-- None where none is taken, and of what the release before this one writes.

alter table outbox add column tracestate text;
alter table dead_letter add column tracestate text;
alter table saga add column traceparent text, add column tracestate text;
alter table job add column traceparent text, add column tracestate text;
