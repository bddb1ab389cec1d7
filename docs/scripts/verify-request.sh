#!/bin/sh
# Verifies one request of an audit log without trusting the node that kept it: only openssl and POSIX tools.
# usage: verify-request.sh CA.crt < LINE     (LINE: an intent record, as it stands in audit.jsonl)
set -eu
ca=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/line"

field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$work/line"; }

field caller_certificate | openssl base64 -d -A | openssl x509 -inform DER -out "$work/caller.crt"
field request_signature | openssl base64 -d -A > "$work/signature"
{ printf 'mco-deploy/1/request\000'; field request | openssl base64 -d -A; } > "$work/signed"

openssl x509 -in "$work/caller.crt" -noout -pubkey > "$work/caller.pub"
openssl dgst -sha256 -verify "$work/caller.pub" -signature "$work/signature" "$work/signed"
openssl verify -attime "$(date -d "$(field time)" +%s)" -CAfile "$ca" "$work/caller.crt" | sed "s|$work/||"
openssl x509 -in "$work/caller.crt" -noout -ext subjectAltName | sed -n 's/^ *//;/mco:/p'
