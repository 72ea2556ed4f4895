#!/usr/bin/env bash
# Makes what nobody may know, new every time, in a folder that is not committed: passwords of the domains in Redis, its
# list of users, and the key by which the NetSuite connector signs in to the twin.
#   deploy/secrets.sh [FOLDER] [REGION]      deploy/secrets and local, when they are not given
set -euo pipefail
folder=${1:-$(dirname "$0")/secrets}
region=${2:-local}
umask 022
mkdir -m 0700 -p "$folder"
cd "$folder"

# Nobody can sign in as the default user, who keeps every right all the same: Redis 7.0 replays its own log as this user
# when it starts, and drops what he may not do (docs/durability.md). Probes may say PING.
printf 'user default off resetpass ~* &* +@all\nuser probe on nopass resetkeys resetchannels -@all +ping\n' >users.acl
for domain in orders inventory customers returns cases messages; do
  openssl rand -hex 32 | tr -d '\n' >"redis-$domain"
  printf 'user %s on #%s resetkeys ~{%s:%s:* ~weft:%s:birth resetchannels &{%s:%s:* -@all %s\n' \
    "$domain" "$(sha256sum <"redis-$domain" | cut -d' ' -f1)" "$region" "$domain" "$domain" "$region" "$domain" \
    '+@string +@sortedset +@hash +@stream +del +expire +time +eval +evalsha +script|load +spublish +ssubscribe +wait +role +info +config|get +acl|dryrun +cluster|slots +asking +ping' >>users.acl
done
password=$(openssl rand -hex 32)
printf 'user replica on #%s resetkeys resetchannels -@all +psync +replconf +ping\n' \
  "$(printf %s "$password" | sha256sum | cut -d' ' -f1)" >>users.acl
printf 'masteruser replica\nmasterauth %s\n' "$password" >replication.conf

openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out netsuite.pem
printf '# The twins: who may sign in to the NetSuite twin.\n[[sandbox.netsuite.certificates]]\nid = "weft-sandbox"\npem = """\n%s\n"""\n' \
  "$(openssl pkey -in netsuite.pem -pubout)" >sandbox.toml
# Read by the users of the containers; the folder keeps everybody else out.
chmod 0644 ./*
