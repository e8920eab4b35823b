/** PostgreSQL through connections that the library makes; `clients.test.ts` has other ways. */
import { postgresConforms } from "../support/postgresConforms.ts"
import { flavours } from "../support/sqlStores.ts"

postgresConforms({ flavour: flavours[0], amongProcesses: true })
