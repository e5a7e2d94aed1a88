module.exports = {
  apps: [{ name: 'shop', script: 'server.js', cwd: __dirname, instances: 2, exec_mode: 'cluster' }],
};
