// Prints, as JSON, the recordings in an event store that no server has open: no API shows them.
import { DuckDBInstance } from '@duckdb/node-api';

const instance = await DuckDBInstance.create(process.argv[2], { access_mode: 'READ_ONLY' });
const connection = await instance.connect();
const reader = await connection.runAndReadAll(
  'SELECT session_id, chunk_index, events_count, is_full_snapshot, payload FROM replay_chunks ' +
    'ORDER BY started_at, ended_at, chunk_index',
);
process.stdout.write(JSON.stringify(reader.getRowObjectsJson()));
