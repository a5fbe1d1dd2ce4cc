#!/bin/bash
# Runs the broker with the number in the host name. The first start formats the data directory.
set -eu
sed "s/@NODE@/${HOSTNAME#kafka-}/" /scale-out/kafka.properties >/tmp/kafka.properties
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted --cluster-id "$KAFKA_CLUSTER_ID" \
	--config /tmp/kafka.properties
exec /opt/kafka/bin/kafka-server-start.sh /tmp/kafka.properties
