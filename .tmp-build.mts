import { bundle } from "./test/support/cli.ts"
console.log((await bundle()).main)
