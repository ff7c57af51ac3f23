# Sourced by `make test` and `make chaos`: runs tests, prints one line per test file and the output of what failed, and counts.
# Needs: $logs, a folder for outputs. TESTS=pattern runs only what matches.
#
# Most of a test's time is waiting, so $slots of them run beside each other; each has servers, ports, folders and a log of its own. One that measures time, or whose
# point is what a machine under load does, says so (`// Runs by itself: why`) and has the machine for itself. Told in the order in which they began.
passed=0 failed=0
slots=${TEST_SLOTS:-3}
begun=()
declare -A running=() # process id -> name
rm -rf "$logs"
mkdir -p "$logs"
trap 'kill $(jobs -p) 2>/dev/null; wait; exit 130' INT TERM

verdict() { # NAME STATUS PASSED FAILED SECONDS [SKIPPED]
    passed=$((passed + $3))
    failed=$((failed + $4))
    if [ "$2" = 0 ] && [ "$4" = 0 ] && [ "$3" -gt 0 ]; then
        printf 'ok    %-60s %4d tests  %3d s\n' "$1" "$3" "$5"
    elif [ "$2" = 0 ] && [ "$4" = 0 ] && [ "${6:-0}" -gt 0 ]; then
        printf 'skip  %-60s %4d tests: %s\n' "$1" "$6" "$(sed -n 's/.*# SKIP //p' "$(log "$1")" | head -n 1)"
    else
        [ "$4" -gt 0 ] || failed=$((failed + 1)) # ended badly, or ran nothing
        printf 'FAIL  %-60s\n' "$1"
        story "$(log "$1")" | tail -n 200
    fi
}

story() { # LOG: what went wrong: of a node test those that failed, else the end of it
    grep -q '^not ok' "$1" && awk '/^ *not ok / { tells = 1 } /^ *(ok |# Subtest)/ { tells = 0 } tells' "$1" || tail -n 120 "$1"
}

unit() { # BINARY NAME
    limited 300 "$2" "$1"
    local log good bad
    log=$(log "$2")
    good=$(grep -c '^\[       OK \]' "$log")
    bad=$(grep -c '^\[  FAILED  \] [^0-9]' "$log")
    [ "$bad" = 0 ] || bad=$(grep -oP '^ ?\K[0-9]+(?= FAILED TEST)' "$log" | tail -n 1)
    result "$2" "$good" "${bad:-1}"
}

node_test() { # FILE [SECONDS_MAX]
    limited "${2:-600}" "$1" node --test --test-reporter=tap "$1"
    local log
    log=$(log "$1")
    count() { sed -n "s/^# $1 //p" "$log" | tail -n 1; }
    result "$1" "$(count pass)" "$(count fail)" "$(count skipped)"
}

limited() { # SECONDS NAME COMMAND...
    local began=$SECONDS
    timeout "$1" "${@:3}" >"$(log "$2")" 2>&1 &
    trap 'kill $!; wait $!; exit 143' INT TERM
    wait $!
    status=$?
    seconds=$((SECONDS - began))
}

result() { # NAME PASSED FAILED [SKIPPED]: of what was `limited`
    echo "$status ${2:-0} ${3:-0} $seconds ${4:-0}" >"$(log "$1").result"
}

begin() { # NAME COMMAND...: beside what runs, as soon as there is room
    settle $((slots - 1))
    begun+=("$1")
    "${@:2}" &
    running[$!]=$1
}

alone() { # as begin, with nothing beside it
    settle 0
    begin "$@"
    settle 0
}

settle() { # COUNT: waits until no more than so many run
    local pid
    while [ ${#running[@]} -gt "$1" ]; do
        wait -n "${!running[@]}"
        for pid in "${!running[@]}"; do
            ! kill -0 "$pid" 2>/dev/null || continue
            [ -s "$(log "${running[$pid]}").result" ] || echo 1 0 1 0 >"$(log "${running[$pid]}").result" # it ended without a word
            unset "running[$pid]"
        done
        tell
    done
}

tell() { # what has ended, in the order of beginning
    local result
    while [ ${#begun[@]} -gt 0 ] && [ -s "$(log "${begun[0]}").result" ]; do
        read -ra result <"$(log "${begun[0]}").result"
        verdict "${begun[0]}" "${result[@]}"
        begun=("${begun[@]:1}")
    done
}

log() { echo "$logs/${1//\//_}"; }
wanted() { [[ $1 == *${TESTS:-}* ]]; }

tally() {
    settle 0
    echo
    echo "$passed passed, $failed failed"
    [ $failed = 0 ] && [ $passed -gt 0 ]
}
