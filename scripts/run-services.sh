#!/bin/sh
# Starts the four services as four processes against MongoDB and Redis:
#   MONGODB_URI=mongodb://127.0.0.1:27017 REDIS_URL=redis://127.0.0.1:6379/0 make run-services
# With the demo issuer's tokens, so only on this machine. Ctrl-C ends all of them.
set -eu
cd "$(dirname "$0")/.."
: "${MONGODB_URI:?name the MongoDB server, such as MONGODB_URI=mongodb://127.0.0.1:27017}"
: "${REDIS_URL:?name the Redis server, such as REDIS_URL=redis://127.0.0.1:6379/0}"
data=${DATA:-data/services}
./bin/finsam keys --data "$data" >/dev/null
[ -n "$(ls "$data/associations" 2>/dev/null)" ] || ./bin/finsam load --data "$data" services/standalone/example/insjoriket.yaml
./bin/finsam token --data "$data" --role coach --authority molndal >/dev/null # makes the demo issuer's trust file

export FINSAM_KEYS_DIR="$data/keys" FINSAM_ASSOCIATIONS_DIR="$data/associations" FINSAM_TRUST_FILE="$data/demo/trust.yaml"
export FINSAM_REFERRAL_URL=http://127.0.0.1:8081 FINSAM_PARTICIPANT_URL=http://127.0.0.1:8082 FINSAM_ACTIVITY_URL=http://127.0.0.1:8083
export FINSAM_LINGER=0s

pids=
start() { # name port adminport [store] [redis]
	FINSAM_ADDR="127.0.0.1:$2" FINSAM_ADMIN_ADDR="127.0.0.1:$3" FINSAM_STORE="$4" FINSAM_REDIS_URL="$5" "./bin/$1" &
	pids="$pids $!"
}
trap 'trap - INT TERM EXIT; kill $pids 2>/dev/null; wait' INT TERM EXIT
start participant 8082 9082 "$MONGODB_URI" ""
start referral 8081 9081 "$MONGODB_URI" ""
start activity 8083 9083 "$MONGODB_URI" ""
start gateway 8080 9080 "" "$REDIS_URL"
echo "API http://127.0.0.1:8080/finsam/v1, tokens by: bin/finsam token --data $data --role coach --authority molndal"
# When one of them ends, so do all.
while :; do
	for p in $pids; do kill -0 "$p" 2>/dev/null || exit 1; done
	sleep 1
done
