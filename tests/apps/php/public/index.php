<?php
header('Content-Type: text/plain');
echo 'version 1, release ', basename(dirname(__DIR__)), "\n";
