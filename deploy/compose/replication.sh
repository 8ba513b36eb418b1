#!/bin/bash
# Runs once, when the primary's database is made: a login for replicas, and r1 as the synchronous one from the next start on.
set -euo pipefail
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set ON_ERROR_STOP=1 <<'SQL'
create role replicator login replication password 'replicator';
alter system set synchronous_standby_names = 'FIRST 1 (r1)';
SQL
echo "host replication replicator samenet scram-sha-256" >>"$PGDATA/pg_hba.conf"
