#!/usr/bin/env bash
# Stands in for the commands of the guides that need other machines, systemd or root: one script under their names.
#
# A host is the folder $HOSTS/ADDRESS; what lies at /etc/confman on it is below that folder, also where a file that was
# sent there names it. A service is a process that the unit's ExecStart describes, with what it says in ADDRESS/log.
set -euo pipefail

# Paths of the host, as they are below its folder.
here() { # host's folder
    sed -E "s#(^|[^A-Za-z0-9./-])/(etc/confman|etc/systemd|usr/local/bin|var/lib/confman|var/backups)#\1$1/\2#g"
}

unit() { # name: its file
    case $1 in
    *.service | *.timer) echo "$HOST/etc/systemd/system/$1" ;;
    *) echo "$HOST/etc/systemd/system/$1.service" ;;
    esac
}

setting() { # unit file, name
    sed -n "s/^$2=//p" "$1"
}

# As systemd reads it: $$ is $, %% is %.
command_of() { # unit file, name
    setting "$1" "$2" | sed -e 's/\$\$/$/g' -e 's/%%/%/g'
}

start() { # name
    local file
    file=$(unit "$1")
    [ -e "$file" ] || { echo "there is no $file" >&2; exit 5; }
    case $file in
    *.timer) return ;;
    esac
    if [ "$(setting "$file" Type)" = oneshot ]; then
        (
            set -a
            # shellcheck disable=SC1090
            . "$(setting "$file" EnvironmentFile)"
            eval "$(command_of "$file" ExecStart)"
            eval "$(command_of "$file" ExecStartPost)"
        )
        return
    fi
    mkdir -p "$HOST/var/lib/confman"
    # In a process group of its own, and with nothing of ours: neither the pipes nor the variables.
    env -i PATH="$PATH" setsid sh -c "exec $(command_of "$file" ExecStart)" < /dev/null >> "$HOST/log" 2>&1 &
    echo $! > "$HOST/$1.pid"
}

stop() { # name, signal
    local pid
    pid=$(cat "$HOST/$1.pid")
    kill "-$2" "$pid"
    # One that ended and that nobody has waited for yet has ended.
    while grep -qs '^State:.[^Z]' "/proc/$pid/status"; do sleep 0.05; done
    rm "$HOST/$1.pid"
}

name=$(basename "$0")
case $name in
cargo)
    mkdir -p target/release
    cp "$BINARY" target/release/confman
    ;;
ssh)
    HOST=$HOSTS/$1
    export HOST
    shift
    mkdir -p "$HOST"/{home,etc/systemd/system,usr/local/bin,var/lib,var/backups}
    cd "$HOST/home"
    # Operators' variables stay with the operator.
    unset CONFMAN_ADDRESS CONFMAN_KEY
    PATH=$HOST/usr/local/bin:$PATH exec sh -c "$(here "$HOST" <<< "$*")"
    ;;
scp)
    [ "$1" != -q ] || shift
    target=${!#}
    host=$HOSTS/${target%%:*}
    mkdir -p "$host/home"
    for file in "${@:1:$#-1}"; do
        to=$host/home/${target#*:}
        [ ! -d "$to" ] || to=${to%/}/$(basename "$file")
        case $file in
        *.toml | *.service | *.timer | *.sh) here "$host" < "$file" > "$to" ;;
        *) cp "$file" "$to" ;;
        esac
    done
    ;;
sudo)
    [ "$1" != -u ] || shift 2
    exec "$@"
    ;;
install)
    arguments=()
    while [ $# -gt 0 ]; do
        case $1 in
        -o | -g) shift ;;
        *) arguments+=("$1") ;;
        esac
        shift
    done
    exec env PATH="${PATH#*"$STAND_INS":}" install "${arguments[@]}"
    ;;
useradd) ;;
journalctl)
    cat "$HOST/log"
    ;;
systemctl)
    case $1 in
    daemon-reload) ;;
    enable) start "$3" ;;
    disable) stop "$3" TERM ;;
    start) start "$2" ;;
    stop) stop "$2" TERM ;;
    restart)
        stop "$2" TERM
        start "$2"
        ;;
    reload) kill -HUP "$(cat "$HOST/$2.pid")" ;;
    kill) # -s SIGNAL NAME: Restart=on-failure
        stop "$4" "$3"
        start "$4"
        ;;
    *)
        echo "systemctl $* is not known here" >&2
        exit 1
        ;;
    esac
    ;;
*)
    echo "$name is not known here" >&2
    exit 1
    ;;
esac
