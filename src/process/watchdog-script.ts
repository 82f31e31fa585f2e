/**
 * What the watchdog's shell runs: POSIX sh, tried with dash. Its arguments are the run's id and the grace time
 * in milliseconds.
 *
 * - It reads data, not commands: a line that was cut when flowctl died is no line for `read`, and nothing can be smuggled in.
 *   Lines are a few bytes, so that `read`'s system call per byte does not matter.
 * - Signals are ignored, not trapped: a trapped one would end `read` and look like the end of the pipe.
 * - `+ GROUP TICKS` adds a group with the start time of its leader, `- GROUP` takes it back, `q` is the normal end.
 * - A group whose leader's number is another process's by now is left alone.
 * - Time is read from /proc/uptime (hundredths of a second, monotonic), since scans take time too.
 * - Whoever was there when the groups were asked is not asked again one by one: a second TERM makes a flowctl in a step kill.
 * - A token is a variable's whole value of elements that end with `;`, found with grep over NUL-separated environments; where
 *   grep has no `-z`, or there is no /proc, only the groups are known. The names of all processes fit among grep's arguments, but for
 *   the largest machines: one program instead of three, which counts where every core is busy.
 * - kill(2) reaches the dead as well until somebody collects them, and the first process of a container often does not: after a signal to
 *   a group it is looked whether any member of it lives.
 */
export const WATCHDOG_SCRIPT = `
trap '' HUP INT QUIT TERM
cd /
run=$1
grace=$(($2 / 10))
live=' '
while :; do
  if read -r verb group ticks; then :; else break; fi
  case $verb in
    +) live="$live$group:$ticks " ;;
    -)
      case $live in *" $group:"*)
        before=\${live%%" $group:"*}
        after=\${live#*" $group:"}
        live="$before \${after#* }" ;;
      esac ;;
    q) exit 0 ;;
  esac
done

now() {
  if read -r up rest < /proc/uptime; then time=\${up%.*}\${up#*.}; else time=$(date +%s)00; fi 2>/dev/null
}
tagged() {
  pids=' '
  pattern="^FLOWCTL_TOKEN=([^;]+;)*$run/"
  files=$(grep -lszE "$pattern" /proc/[0-9]*/environ 2>/dev/null)
  [ $? -lt 126 ] || files=$(printf '%s\\n' /proc/[0-9]*/environ | xargs grep -lszE "$pattern" 2>/dev/null)
  for file in $files; do
    pid=\${file#/proc/}
    pids="$pids\${pid%/environ} "
  done
}
ours() {
  [ -n "$2" ] || return 0
  read -r stat 2>/dev/null < "/proc/$1/stat" || return 0
  set -- "$2" \${stat##*) }
  [ "$1" = "\${21}" ]
} 2>/dev/null
signal_groups() {
  reached=
  for entry in $live; do
    group=\${entry%%:*}
    ours "$group" "\${entry#*:}" && kill -s "$1" -- "-$group" 2>/dev/null && reached="$reached|$group"
  done
  [ -n "$reached" ] || return 0
  living=$(grep -lsE "[)] [^ZX] [0-9]+ (\${reached#|}) " /proc/[0-9]*/stat 2>/dev/null)
  [ $? -lt 126 ] && [ -r /proc/self/stat ] && [ -z "$living" ] || alive=yes
}
in_live_group() {
  read -r stat 2>/dev/null < "/proc/$1/stat" || return 1
  set -- \${stat##*) }
  case $live in *" $3:"*) return 0 ;; esac
  return 1
} 2>/dev/null
signal_tagged() {
  for pid in $pids; do
    alive=yes
    case $1$asked in TERM*" $pid "*) continue ;; esac
    asked="$asked$pid "
    [ "$1$first" = TERMTERM ] && in_live_group "$pid" && continue
    kill -s "$1" "$pid" 2>/dev/null
  done
}

now
deadline=$((time + grace))
asked=' '
empty=0
first=TERM
while [ "$empty" -lt 2 ] && [ "$time" -lt $((deadline + 3000)) ]; do
  alive=no
  tagged
  if [ "$time" -lt "$deadline" ]; then
    signal_groups "$first"
    signal_tagged TERM
    first=0
  else
    signal_groups KILL
    signal_tagged KILL
  fi
  if [ "$alive" = yes ]; then
    empty=0
    sleep 0.1 2>/dev/null || sleep 1
  else
    empty=$((empty + 1))
  fi
  now
done
`;
