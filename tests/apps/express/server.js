const path = require('node:path');
const express = require('express');

const VERSION = '1';
const RELEASE = path.basename(__dirname);

const app = express();
app.get('/health', (request, response) => response.json({ status: 'ok', release: RELEASE }));
app.get('/', (request, response) => response.type('text').send(`version ${VERSION}, release ${RELEASE}\n`));
app.listen(process.env.LISTEN_FDS ? { fd: 3 } : process.env.PORT);
