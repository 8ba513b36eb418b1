-- What sagas know of their rest. Defaults are what the release before this one means by saying nothing.

alter table saga
    -- Runs nowhere: whoever finds the lease over may take it at once, without asking whether its process lives.
    add column resting  boolean     not null default false,
    -- Woken while it ran: it does not go to rest, as the event it would wait for has happened.
    add column woken    boolean     not null default false,
    -- How often and how surely a step has failed since one last got on; too much of it is a task for a person.
    add column failures int         not null default 0,
    -- Since when there is a task for a person. Where the saga cannot go on without it, its lease never ends, so that no
    -- release takes it by itself.
    add column stuck_at timestamptz,
    -- What is to be done: step, code and reason, a line each.
    add column tasks    text;
create index saga_stuck on saga (stuck_at) where stuck_at is not null;
