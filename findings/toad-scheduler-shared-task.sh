#!/usr/bin/env bash
# toad-scheduler 4.1.0: of two jobs that have one task, the second one never runs.
#
# A task is a function with a name, which is told the id of the job that it runs for, and a job is an interval with an id; so one task may
# serve several jobs, one for each region. `preventOverrun`, which is so by default, keeps a job from running beside itself. But whether
# it runs is noted in the task: a job of the other region is left out as well, if it is due while the first one is at work. With the same
# interval both are due in the same moment, always, and the one that was added first is always the first: the other is running, says its
# status, and never runs. There is no error and no event. Of jobs by cron expressions it runs now and then, as the timers fall.
#
# Seen (two jobs of one task that takes 30 ms, every 100 ms, for two seconds):
#
#     every 100 ms, one task: europe runs again and again, america (running) runs 0
#     every 100 ms, two tasks: europe runs again and again, america (running) runs again and again
#
# Succeeds while this is so. What to do instead: a task for each job.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund toad-scheduler@4.1.0
cat > try.mjs << 'JS'
import { AsyncTask, SimpleIntervalJob, ToadScheduler } from "toad-scheduler"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const look = async (words, ms, tasks, makeJob) => {
  const runs = { europe: 0, america: 0 }
  const makeTask = () =>
    new AsyncTask("report", async (_, jobId) => {
      runs[jobId]++
      await sleep(30)
    }, console.error)
  const shared = makeTask()
  const scheduler = new ToadScheduler()
  const add = (id) => makeJob(scheduler, id, tasks === "one task" ? shared : makeTask())
  add("europe")
  add("america")
  const status = scheduler.getById("america").getStatus()
  await sleep(ms)
  scheduler.stop()
  const often = (times) => times > 1 ? "again and again" : times
  console.log(`${words}, ${tasks}: europe runs ${often(runs.europe)}, america (${status}) runs ${often(runs.america)}`)
}
const interval = (scheduler, id, task) =>
  scheduler.addSimpleIntervalJob(new SimpleIntervalJob({ milliseconds: 100 }, task, { id }))
await look("every 100 ms", 2000, "one task", interval)
await look("every 100 ms", 2000, "two tasks", interval)
JS
expected="every 100 ms, one task: europe runs again and again, america (running) runs 0
every 100 ms, two tasks: europe runs again and again, america (running) runs again and again"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
