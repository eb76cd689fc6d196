#!/bin/bash
# A standalone Spark cluster on 127.0.0.1, from the pip package: a master and workers of one core.
#   spark.sh up [N] | kill9 I | down | status       STACK: scratch folder; PYTHON: of the package
# Master spark://127.0.0.1:7077; worker I on 7100+I. kill9 kills a worker and its executors, which
# would outlive it.
set -u
S=${STACK:?set STACK to a scratch folder}/cluster
PYTHON=${PYTHON:-python3}
export SPARK_HOME=$("$PYTHON" -c 'import pyspark, os; print(os.path.dirname(pyspark.__file__))')
export SPARK_LOCAL_IP=127.0.0.1 SPARK_NO_DAEMONIZE=1 SPARK_DAEMON_MEMORY=256m
export SPARK_DAEMON_JAVA_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
launch() { # name class arguments: the class as a process of its own
  local name=$1; shift
  setsid "$SPARK_HOME/bin/spark-class" "org.apache.spark.deploy.$@" > "$S/$name.log" 2>&1 &
  echo $! > "$S/$name.pid"
}
await() { # text file: until it says so
  for _ in $(seq 1 600); do grep -q "$1" "$2" 2> /dev/null && return 0; sleep 0.1; done
  echo "not ready: $2"; tail -5 "$2"; exit 1
}
await_end() { # a second at most, for all that is still there
  for _ in $(seq 1 10); do
    ps -p "$(cat "$S"/*.pid 2> /dev/null | paste -sd,)" > /dev/null 2>&1 || return 0; sleep 0.1
  done
}
executors() { pgrep -f "CoarseGrainedExecutorBackend.*Worker@127.0.0.1:$((7100 + $1)) "; }
case ${1:-} in
up) rm -rf "$S"; mkdir -p "$S"; N=${2:-2}
  launch master master.Master --host 127.0.0.1 --port 7077 --webui-port 8090
  await "New state: ALIVE" "$S/master.log"
  for i in $(seq 1 "$N"); do
    launch "worker$i" worker.Worker --host 127.0.0.1 --port $((7100 + i)) \
      --webui-port $((8090 + i)) --cores 1 --memory 1g --work-dir "$S/work$i" \
      spark://127.0.0.1:7077
  done
  for i in $(seq 1 "$N"); do await "Successfully registered with master" "$S/worker$i.log"; done;;
kill9) found=$(executors "$2"); kill -9 "$(cat "$S/worker$2.pid")" $found
  rm -f "$S/worker$2.pid"; echo $found;;
down) for f in "$S"/*.pid; do [ -f "$f" ] && kill "$(cat "$f")" 2> /dev/null; done; await_end
  for f in "$S"/*.pid; do [ -f "$f" ] && kill -9 "$(cat "$f")" 2> /dev/null; rm -f "$f"; done
  exit 0;;
status) for f in "$S"/*.pid; do p=$(cat "$f")
  [ -d "/proc/$p" ] && echo "$(basename "$f" .pid) pid $p" || echo "$(basename "$f" .pid) dead"; done;;
esac
