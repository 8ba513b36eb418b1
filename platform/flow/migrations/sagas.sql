-- What sagas know of their rest. Defaults are what the release before this one means by saying nothing.

alter table saga
    -- Runs nowhere: whoever finds the lease over may take it at once, without asking whether its process lives.
    add column resting  boolean     not null default false,
    -- Woken while it ran: it does not go to rest, as the event it would wait for has happened.
    add column woken    boolean     not null default false,
    -- Rests in a row because of a failure; after enough of them it is a task for a person.
    add column failures int         not null default 0,
    -- Since when it is a task for a person. Its lease then never ends, so that no release takes it by itself.
    add column stuck_at timestamptz;
create index saga_stuck on saga (stuck_at) where stuck_at is not null;
