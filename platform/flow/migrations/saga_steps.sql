-- Where a saga is, by names of steps. Rows of the release before this one have the number alone.

alter table saga
    -- The next step to run or, on the way back, to undo. It counts while `step` is its number; the release before this one
    -- moves that alone.
    add column next_step text,
    -- The steps that the release has which runs the saga: one that does not know them all leaves it alone.
    add column steps     text[];
