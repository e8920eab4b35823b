/** PostgreSQL through a client of the program, with one that cannot listen, and behind PgBouncer. */
import { postgresConforms } from "../support/postgresConforms.ts"
import { flavours } from "../support/sqlStores.ts"

const [own, ofProgram, deaf] = flavours

// One that is told and one that looks: what the processes of the others say to the server is the same.
postgresConforms({ flavour: ofProgram }, { flavour: deaf, amongProcesses: true }, { flavour: own, isPooled: true })
