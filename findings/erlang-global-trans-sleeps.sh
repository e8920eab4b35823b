#!/usr/bin/env bash
# Erlang/OTP 25, `global:trans`: who waits for a lock sleeps on for up to eight seconds after it is free, and newcomers go before.
#
# `global:trans({Job, self()}, Fun)` runs a function under a lock of all connected nodes, with infinity as the number of tries. One expects
# to be let in when the holder leaves, as with a message; and the module's monitors do free the lock at once, when its holder dies. But a
# waiter is in no queue. It tries, and sleeps for a random time, of at most 250 ms at first, then twice that and so on up to 8 s,
# also on the only node there is. After a holder of ten seconds the lock is free for some seconds while all wait for it, whoever
# comes then is let in at once, and who has waited longest has the longest sleep.
#
# Seen (twelve locks, each with a holder of 12 s and one who waits for it; all holders leave at the same moment):
#
#     Erlang/OTP 25
#     let in within 0.1 s of that: not all
#     the last one was let in more than 3 s after that: yes
#     one who came half a second after that: let in before the last one, at once
#
# Succeeds while this is so. What to do instead: a process (`gen_server`) that keeps a queue and monitors who is in it.
set -euo pipefail
command -v erl > /dev/null || { echo "needs Erlang (Debian's erlang-base)"; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > try.escript << 'ERL'
#!/usr/bin/env escript
now_() -> erlang:monotonic_time(millisecond).
yes(true) -> "yes";
yes(false) -> "no".

main(_) ->
    io:format("Erlang/OTP ~s~n", [erlang:system_info(otp_release)]),
    Self = self(),
    Locks = lists:seq(1, 12),
    Over = now_() + 12000,
    Trans = fun(Lock, Fun) -> spawn_link(fun() -> global:trans({Lock, self()}, Fun, [node()]) end) end,
    [Trans(Lock, fun() -> Self ! held, timer:sleep(Over - now_()) end) || Lock <- Locks],
    [receive held -> ok end || _ <- Locks],
    [Trans(Lock, fun() -> Self ! {in, Lock, now_() - Over}, timer:sleep(1000) end) || Lock <- Locks],
    timer:sleep(Over + 500 - now_()),
    [spawn_link(fun() ->
        Begun = now_(),
        case global:set_lock({Lock, self()}, [node()], 0) of
            true -> Self ! {new, Lock, now_() - Over, now_() - Begun};
            false -> ok
        end
    end) || Lock <- Locks],
    After = lists:sort([receive {in, _, Time} -> Time end || _ <- Locks]),
    Last = lists:last(After),
    io:format("let in within 0.1 s of that: ~s~n", [case Last =< 100 of true -> "all"; false -> "not all" end]),
    io:format("the last one was let in more than 3 s after that: ~s~n", [yes(Last > 3000)]),
    receive
        {new, _, New, Took} when New < Last, Took < 100 ->
            io:format("one who came half a second after that: let in before the last one, at once~n")
    after 0 -> io:format("one who came half a second after that: not let in~n")
    end.
ERL
expected="Erlang/OTP 25
let in within 0.1 s of that: not all
the last one was let in more than 3 s after that: yes
one who came half a second after that: let in before the last one, at once"
seen=$(escript try.escript 2> log) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
