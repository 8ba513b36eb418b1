#!/bin/bash
# A standby that calls itself $NAME, with a copy of the primary unless there is one already.
set -euo pipefail
data=/var/lib/postgresql/data
if [ ! -s "$data/PG_VERSION" ]; then
    pg_basebackup --pgdata "$data" --write-recovery-conf --checkpoint=fast \
        --dbname "host=postgres user=replicator application_name=$NAME password=$PGPASSWORD"
    chmod 700 "$data"
fi
exec postgres -D "$data" -c max_connections=800 -c hot_standby=on
