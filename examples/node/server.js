'use strict';

const path = require('node:path');
const express = require('express');

const VERSION = '1';
// node resolves the link `current`, so this is the release's own folder
const RELEASE = path.basename(__dirname);

const app = express();
app.get('/health', (request, response) => {
  response.json({ status: 'healthy', release: RELEASE, version: VERSION });
});
app.get('/', (request, response) => {
  response.type('text').send(`version ${VERSION}, release ${RELEASE}\n`);
});

const port = Number(process.env.PORT || 3000);
// a socket unit passes its socket as file descriptor 3; HOST is set in the smoke test
const address = process.env.LISTEN_FDS ? { fd: 3 } : { port, host: process.env.HOST };
const server = app.listen(address, (error) => {
  if (error) throw error;
  console.log(`release ${RELEASE} listens on ${address.fd ? 'the socket of its unit' : `port ${port}`}`);
});

// requests that are being answered are finished
process.on('SIGTERM', () => server.close(() => process.exit()));
