#!/bin/sh
# The whole Monday: new data in, checked, scored, judged, published. Any step that is refused ends it with 1.
#
#   HOLDFAST_HOME    the home (tables, histories, what is published)
#   HOLDFAST_SOURCE  the name of the source, as `holdfast import` knows it
#   HOLDFAST_RAW     the folder of the raw files; leave it out for a database
#   HOLDFAST_CONFIG  the folder with policy.yaml and watch.yaml
#   HOLDFAST_AS_OF   a date or ISO timestamp; by default today, from its first instant in the base's zone
set -eu
: "${HOLDFAST_HOME:?set it to the home}" "${HOLDFAST_SOURCE:?set it to the name of the source}"

# One run at a time: a second one does not wait, and says so.
mkdir -p "$HOLDFAST_HOME"
exec 9>"$HOLDFAST_HOME/weekly.lock"
flock -n 9 || { echo "another weekly run is at work on $HOLDFAST_HOME" >&2; exit 1; }

# A stated moment, not the data's last one: only so does a base that stopped arriving look late.
as_of="${HOLDFAST_AS_OF:-$(date +%F)}"

holdfast import "$HOLDFAST_SOURCE" --home "$HOLDFAST_HOME" ${HOLDFAST_RAW:+--raw "$HOLDFAST_RAW"}
holdfast check --home "$HOLDFAST_HOME"
holdfast score --home "$HOLDFAST_HOME" --as-of "$as_of" "$@"
