VERSION = "1"
RELEASE = File.basename(Dir.pwd)

run lambda { |env| [200, { "content-type" => "text/plain" }, ["version #{VERSION}, release #{RELEASE}\n"]] }
