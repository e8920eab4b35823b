/** Types of packages that TypeScript does not find in them, for the code of docs/from. */
declare module "redlock" {
  export default class Redlock {
    constructor(
      clients: ReadonlyArray<unknown>,
      settings?: { readonly retryCount?: number; readonly retryDelay?: number }
    )
    using<A>(
      resources: Array<string>,
      durationMillis: number,
      routine: (signal: AbortSignal & { readonly error?: Error }) => Promise<A>
    ): Promise<A>
  }
}
