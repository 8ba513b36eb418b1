-- What happens when the units of a SKU run out: 'deny' sells no more than there is, 'backorder' sells on and delivers later,
-- 'untracked' does not count. Where nothing sets a limit, balances may go below zero.
-- contract: a release that does not know the column leaves it at its default, which the constraint allows.
alter table stock
    add column policy   text   not null default 'deny',
    -- Units that were sold on backorder and not there when the policy became 'deny': they stay sold.
    add column promised bigint not null default 0,
    add constraint stock_policy check (policy in ('deny', 'backorder', 'untracked')) not valid;

-- contract: no release names the constraint, and the new one allows all that the old one did; a release that does not know policies
-- sells what is there, whatever the policy.
alter table stock
    drop constraint stock_not_oversold,
    -- What stands there already fits, so it need not be read while the table is locked.
    add constraint stock_not_oversold check (policy <> 'deny' or on_hand + promised >= reserved) not valid;
