const http = require('node:http');
const path = require('node:path');

const VERSION = '1';
const RELEASE = path.basename(__dirname);

http
  .createServer((request, response) => response.end(`version ${VERSION}, release ${RELEASE}\n`))
  .listen(process.env.PORT);
