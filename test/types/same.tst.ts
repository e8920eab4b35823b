import { typeOf } from "./same.ts"

declare const any: any // eslint-disable-line typescript/no-explicit-any

typeOf(Math.PI).is<number>()
// @ts-expect-error: another type
typeOf(Math.PI).is<string>()
// @ts-expect-error: a wider one
typeOf(Math.PI).is<number | string>()
// @ts-expect-error: any fits everything
typeOf(any).is<number>()
