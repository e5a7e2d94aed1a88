package shop;

import java.nio.file.Path;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@SpringBootApplication
@RestController
public class Main {
  static final String VERSION = "1";
  // the link `current` is resolved
  private final Path release = Path.of("").toAbsolutePath().getFileName();

  @GetMapping({"/", "/health"})
  String index() {
    return "version " + VERSION + ", release " + release + "\n";
  }

  public static void main(String[] arguments) {
    SpringApplication.run(Main.class, arguments);
  }
}
