import * as FileBackend from "#effect-lock/FileBackend"
import { Lock } from "#effect-lock"
import * as Effect from "effect/Effect"
const [directory, start, end] = [process.argv[2], +process.argv[3], +process.argv[4]]
const mono = () => Number(process.hrtime.bigint())/1e6
const log=[]; globalThis.T=[]
const section = () => { const e = mono();T.push('enter',process.hrtime.bigint()); return Effect.map(Effect.sleep(1), () => { T.push('leave',process.hrtime.bigint()); log.push(e, mono()) }) }
const cycle = Lock.withLock(section, "key", { timeout: "Infinity", expires: "10 seconds" })
const loop = (until) => Effect.whileLoop({ while: () => mono() < until, body: () => cycle, step: () => {} })
await Effect.runPromise(Effect.provide(Effect.gen(function*(){
  yield* loop(start-100)
  log.length=0;T.length=0
  yield* Effect.sleep(Math.max(0,start-mono()))
  yield* loop(end)
}), FileBackend.layer({ directory })))
process.stdout.write(JSON.stringify({T:T.map(String),log, cpu: process.cpuUsage()}))
