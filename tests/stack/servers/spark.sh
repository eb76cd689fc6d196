#!/bin/bash
# Real Spark, a standalone cluster on 127.0.0.1, from the pyspark of the tests' Python environment.
#   spark.sh up N | kill9 worker I | start worker I | down | status
# Master: 7077, its page 8090; worker I: 7100+I, its page 8090+I, one core and 1 GiB.
set -u
STACK=${STACK:?set STACK to a scratch folder}
HERE=$(cd "$(dirname "$0")" && pwd)
S=$STACK/spark/cluster
PYSPARK_PYTHON=${PYSPARK_PYTHON:-$HERE/../../../.deps/venv/bin/python}
SPARK_HOME=${SPARK_HOME:-$("$PYSPARK_PYTHON" -c 'import os, pyspark; print(os.path.dirname(pyspark.__file__))')}
export PYSPARK_PYTHON SPARK_HOME SPARK_LOCAL_IP=127.0.0.1 SPARK_DAEMON_MEMORY=256m
export SPARK_DAEMON_JAVA_OPTS="-XX:+UseSerialGC -XX:TieredStopAtLevel=1"

start() { # name class arguments: spark-class becomes java, so its pid is java's
    local name=$1
    shift
    "$SPARK_HOME/bin/spark-class" "$@" > "$S/$name.log" 2>&1 &
    echo $! > "$S/$name.pid"
}
master() {
    start master org.apache.spark.deploy.master.Master --host 127.0.0.1 --port 7077 --webui-port 8090
}
worker() {
    start "worker$1" org.apache.spark.deploy.worker.Worker --host 127.0.0.1 --port $((7100 + $1)) \
        --webui-port $((8090 + $1)) --cores 1 --memory 1g --work-dir "$S/work$1" \
        spark://127.0.0.1:7077
}
alive() {
    curl -s --max-time 2 http://127.0.0.1:8090/json/ | grep -o '"aliveworkers" *: *[0-9]*' | grep -o '[0-9]*$'
}
# Executors are children of their worker, and outlive it when it is killed.
kill_all() { # signal name
    local pid
    pid=$(cat "$S/$2.pid")
    local children
    children=$(pgrep -P "$pid")
    # shellcheck disable=SC2086 # a list of numbers
    kill "-$1" "$pid" $children 2> /dev/null
}

case ${1:-} in
up)
    N=${2:-1}
    rm -rf "$S"
    mkdir -p "$S"
    master
    for _ in $(seq 1 300); do [ -n "$(alive)" ] && break; sleep 0.2; done
    for i in $(seq 1 "$N"); do worker "$i"; done
    for _ in $(seq 1 300); do [ "$(alive)" = "$N" ] && exit 0; sleep 0.2; done
    echo "not ready"
    tail -5 "$S"/*.log
    exit 1
    ;;
start) worker "$3" ;;
kill9) kill_all KILL "worker$3" ;;
down)
    for f in "$S"/*.pid; do [ -f "$f" ] && kill_all TERM "$(basename "$f" .pid)"; done
    for _ in $(seq 1 50); do
        left=0
        for f in "$S"/*.pid; do [ -f "$f" ] && [ -d "/proc/$(cat "$f")" ] && left=1; done
        [ $left = 0 ] && break
        sleep 0.1
    done
    for f in "$S"/*.pid; do
        [ -f "$f" ] || continue
        kill_all KILL "$(basename "$f" .pid)"
        rm -f "$f"
    done
    ;;
status)
    for f in "$S"/*.pid; do
        [ -f "$f" ] || continue
        p=$(cat "$f")
        if [ -d "/proc/$p" ]; then
            echo "$(basename "$f" .pid) pid $p rss $(awk '/VmRSS/{print int($2/1024)}' "/proc/$p/status") MiB"
        else
            echo "$(basename "$f" .pid) dead"
        fi
    done
    ;;
*)
    sed -n '3s/^# *//p' "$0" >&2
    exit 2
    ;;
esac
