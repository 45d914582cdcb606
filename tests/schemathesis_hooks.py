"""What schemathesis must be told: how the media type of the Step Functions door is written."""

import schemathesis

schemathesis.serializer.alias("application/x-amz-json-1.0", "application/json")
